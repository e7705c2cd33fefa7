"""The web UI of the managers."""

from web_ui import web_ui

service = web_ui("manager-web-ui", "SecCom for managers")

if __name__ == "__main__":
    service.run()
