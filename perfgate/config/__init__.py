"""perfgate.toml: the schema, which is the one truth for keys, defaults and their documentation, and loading."""
