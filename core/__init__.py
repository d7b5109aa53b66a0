"""Small pieces without a dental word: settings, database, time, refusals, events, money."""
