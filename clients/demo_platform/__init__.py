"""A small platform that signs people in with Xinji: what a developer would write with a stock library."""
