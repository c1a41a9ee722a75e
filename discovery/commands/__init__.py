"""What the operator asks of the files of a service, without a service."""
