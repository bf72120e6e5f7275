"""The engines behind `crypto.sm2`: each wraps one library and is chosen by known-answer tests."""
