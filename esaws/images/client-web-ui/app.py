"""The web UI of the owners."""

from web_ui import web_ui

service = web_ui("client-web-ui", "SecCom for owners")

if __name__ == "__main__":
    service.run()
