"""What nodes say of themselves: ours made, others' merged."""
