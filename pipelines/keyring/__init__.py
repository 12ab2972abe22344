"""The exchange of the registry's key: where things hang on it, and the steps from one key to the next."""
