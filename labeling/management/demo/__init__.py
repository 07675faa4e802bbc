"""What `manage.py demo` loads, each part through the product's own actions."""
