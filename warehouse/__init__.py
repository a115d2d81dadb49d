"""Where it lives: settings, landing, ledger, the build file, publishing. Owns every stored byte."""
