"""Where the log's files lie: a folder or an object store, and the tiles in it."""
