"""The doctor's rounds: every examination, in the order in which they are told."""

from django.conf import settings

from zupertry.doctor import configuration, database, engine, gateways, machine, mail, queues, storage
from zupertry.doctor.examining import SETTINGS
from zupertry.doctor.finding import Examination

GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"
BROKER_URLS = ("REDIS_URL", "CELERY_BROKER_URL")


def examinations() -> list[Examination]:
    """Return what is to be looked at with the settings in use."""
    return [
        Examination(SETTINGS, configuration.settings, "manage.py check shows the whole error."),
        *_data(),
        *_work(),
        *_outside(),
    ]


def _data() -> list[Examination]:
    return [
        Examination(
            "database",
            database.database,
            "Start it, or correct host, port, user, password or name in DATABASE_URL.",
            settings=("DATABASE_URL",),
        ),
        Examination(
            "migrations", database.migrations, "Run manage.py migrate, and read what it says.", needs=("database",)
        ),
        Examination("clock", database.clock, "timedatectl says whether time is synchronised.", needs=("database",)),
    ]


def _work() -> list[Examination]:
    """What needs the broker is skipped without it, and so is the cache where both are the same Redis."""
    same = settings.REDIS_URL == settings.CELERY_BROKER_URL
    return [
        Examination(
            "broker",
            queues.broker,
            f"Start it, or correct {'REDIS_URL' if same else 'CELERY_BROKER_URL'}.",
            settings=BROKER_URLS,
        ),
        Examination(
            "cache",
            queues.cache,
            "Start the Redis or Valkey, or correct REDIS_URL; until then each process counts for itself.",
            needs=("broker",) if same else (),
            settings=("REDIS_URL",),
        ),
        Examination("workers", queues.workers, "Look at the workers' logs.", seconds=8.0, needs=("broker",)),
        Examination("beat", queues.beat, "Look at beat's log.", needs=("migrations", "broker")),
        Examination("queues", queues.queues, "Look at the workers' logs.", needs=("workers", "beat")),
    ]


def _outside() -> list[Examination]:
    return [
        Examination(
            "storage",
            storage.storage,
            _STORAGE_ADVICE[settings.STORAGE],
            seconds=12.0,
            settings=("STORAGE", "AWS_", "GS_", *([GOOGLE] if settings.STORAGE == "gcs" else [])),
        ),
        Examination(
            "engine",
            engine.engine,
            "Install the engine's files anew: make install",
            seconds=12.0,
            settings=("TRYON_ENGINE", "VERTEX_", *([GOOGLE] if settings.TRYON_ENGINE == "vertex" else [])),
        ),
        *gateways.examinations(),
        Examination("mail", mail.mail, "Have the folder of EMAIL_URL writable.", seconds=12.0, settings=("EMAIL_URL",)),
        Examination("disk", machine.disk, "Have VAR_DIR writable.", settings=("VAR_DIR",)),
        Examination("static files", machine.static_files, "Collect them: manage.py collectstatic --noinput"),
    ]


_STORAGE_ADVICE = {
    "file": "Have VAR_DIR/media writable for the user that the service runs as.",
    "s3": "Check STORAGE_BUCKET, its region or AWS_S3_ENDPOINT_URL, and that the key may read, write and delete.",
    "gcs": "Check STORAGE_BUCKET, and that the service account is Storage Object Admin in it.",
}
