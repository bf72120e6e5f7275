"""The chain on which checkpoints are anchored. Only this folder imports web3 and py-evm."""
