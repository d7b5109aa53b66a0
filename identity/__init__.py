"""Who is signed in: accounts, sign-in, tokens, permissions."""
