"""When it runs: Dagster assets, checks, job, schedule and sensor, and the command line. Alone knows all other rooms."""
