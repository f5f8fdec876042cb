"""A page to look at annotated hands: what there is, where it is doubtful, what failed. One HTML file, nothing else."""
