"""The migration of an older registry: its files of workers, places, attachments and doses, part by part."""
