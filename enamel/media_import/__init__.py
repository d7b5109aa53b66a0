"""Takes a clinic's archive of pictures in: `enamel media import`."""
