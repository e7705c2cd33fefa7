"""The Cameras API: the last seconds of a camera, as an animated GIF that is generated from the camera's name.

GET /cameras/{camera}/clip
"""

from clip import make_clip
from microservice import HTTPError, Microservice, Request, Response


def get_clip(request: Request) -> Response:
    """Return the clip of a camera; the same camera has the same clip."""
    camera = request.parts["camera"]
    if len(camera) > 200:
        raise HTTPError(400, "the name of a camera has at most 200 characters")
    return Response(make_clip(camera), content_type="image/gif")


service = Microservice("cameras-api", {"GET /cameras/{camera}/clip": get_clip})

if __name__ == "__main__":
    service.run()
