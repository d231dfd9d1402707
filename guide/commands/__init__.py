"""The subcommands, one a module; each imports what it needs inside its function, so that help is instant."""
