import os
from wsgiref.simple_server import make_server

import settings_cors
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

own = {name: value for name, value in vars(settings_cors).items() if name.startswith("CORS_")}
middleware = own.pop("CORS_MIDDLEWARE")
settings.configure(
    SECRET_KEY="test",
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["corsheaders"],
    MIDDLEWARE=middleware + ["django.middleware.common.CommonMiddleware"],
    **own,
)


def data(request):
    return JsonResponse({"ok": True}, headers={"x-request-id": "r1"})


def boom(request):
    raise RuntimeError("boom")


urlpatterns = [path("data", data), path("boom", boom)]
make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application()).serve_forever()
