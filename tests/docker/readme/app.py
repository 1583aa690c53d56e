"""The smallest Django service that needs libraries of the system."""

import magic
import psycopg2
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)


def root(_request):
    kind = magic.from_buffer(b"%PDF-1.7\n", mime=True)
    return HttpResponse(f"psycopg2 {psycopg2.__version__}, {kind}\n")


urlpatterns = [path("", root)]
app = get_wsgi_application()
