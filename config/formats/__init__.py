"""How a language writes dates where the product's way differs from Django's."""
