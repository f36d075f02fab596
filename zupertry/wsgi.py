"""The web process: `gunicorn -c zupertry/gunicorn.py zupertry.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zupertry.settings")
application = get_wsgi_application()
