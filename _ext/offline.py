"""Keep the site self-contained: the theme's Thebe names a foreign host, and we run no kernel."""


def drop_thebe(app, config):
    for listener in list(app.events.listeners["env-before-read-docs"]):
        if listener.handler.__module__ == "sphinx_thebe" and "core" in listener.handler.__name__:
            app.disconnect(listener.id)


def setup(app):
    app.connect("config-inited", drop_thebe)
    return {"parallel_read_safe": True}
