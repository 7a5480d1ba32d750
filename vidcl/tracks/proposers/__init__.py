"""Find boxes worth following."""
