"""What developers run: it makes files of the repository and installs what tests need."""
