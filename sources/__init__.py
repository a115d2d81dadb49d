"""What arrives: contracts of the exports and the readers that turn a file into typed rows, or a reason.

Nothing here stores anything; `warehouse` owns every stored byte.
"""
