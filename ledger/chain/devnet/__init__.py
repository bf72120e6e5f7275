"""A real BFT network on this machine, for tests and trials: validators of CometBFT with an EVM.

Its binary comes with the optional package `injective-core` (BUSL-1.1: tests only, never needed
to run anything). All validators have one operator, so what is anchored here convinces nobody.
"""
