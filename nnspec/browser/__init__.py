"""A page that trains an image classifier in the browser, as one HTML file."""
