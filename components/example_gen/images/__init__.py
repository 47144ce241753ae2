"""Images as bytes: headers, pixels, and what is stored of them."""
