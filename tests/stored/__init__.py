"""What other programs said, and the scripts that asked them."""
