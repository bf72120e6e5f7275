"""Commercial cryptography (SM2, SM3, SM4) and JOSE behind one door."""
