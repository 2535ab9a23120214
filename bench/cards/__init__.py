"""Model cards: what a record says, as the page of a model on the Hugging Face Hub."""
