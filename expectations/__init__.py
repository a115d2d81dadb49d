"""What must hold: gates on each night's deliveries and on the marts, before readers see anything.

`deliveries` and `marts` say what is checked, `engine` runs it with Great Expectations, `model` is what both
speak. Nothing here stores anything or decides what happens to a delivery; the caller acts on the results.
"""
