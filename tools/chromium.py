"""How Chromium is started, wherever the book's pages are opened, printed or measured."""

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
