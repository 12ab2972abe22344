"""Places: settings, SFTP, archive, PostgreSQL, embedded services."""
