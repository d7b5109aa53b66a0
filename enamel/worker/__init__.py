"""What happens without anybody asking: loops that take due work, do it and write down what came of it."""
