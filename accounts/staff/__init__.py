"""What the admin of each app is made of: listings that stay quick, and actions that want a reason."""
