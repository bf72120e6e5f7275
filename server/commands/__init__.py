"""The subcommands of `xinji`, a module each, imported when called: a witness carries no web server's weight."""
