"""What people read: execution reports and pages, in French."""
