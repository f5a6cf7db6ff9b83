# The image of web, worker, beat and migrations; docker-compose.yml says which command runs where.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
RUN python -m venv /srv/.venv
COPY requirements/production.lock requirements/
RUN .venv/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/production.lock
COPY manage.py ./
COPY locale locale
COPY static static
COPY templates templates
COPY innopaas innopaas
COPY wallet wallet
COPY products products
COPY billing billing
COPY payments payments
RUN rm -rf innopaas/local payments/standin \
    && .venv/bin/python -m babel.messages.frontend --quiet compile --directory locale --domain django
# Settings want every variable; these values are gone with the command and reach no image layer.
RUN SECRET_KEY=only-while-static-files-are-collected-0123456789-0123456789 DEBUG=0 ALLOWED_HOSTS=build.invalid \
    DATA_KEYS=0000000000000000000000000000000000000000000000000000000000000000 \
    DATABASE_URL=postgresql://build@127.0.0.1/build REDIS_URL=redis://127.0.0.1:6379/0 EMAIL_URL=dummy:// \
    STRIPE_SECRET_KEY=sk_test_build STRIPE_WEBHOOK_SECRETS=whsec_build SITE_URL=https://build.invalid \
    .venv/bin/python manage.py collectstatic --no-input

FROM python:3.13-slim-trixie
ENV PATH=/srv/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEDIA_ROOT=/var/lib/innopaas/media
# Chinese glyphs for the previews of slips whose PDF brings no font of its own.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-wqy-microhei \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 innopaas \
    && useradd --system --uid 10001 --gid innopaas --no-create-home --home-dir /nonexistent innopaas \
    && install -d -o innopaas -g innopaas /var/lib/innopaas /var/lib/innopaas/media
COPY --from=build /srv /srv
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
# With a name that ALLOWED_HOSTS knows, or Django would answer 400.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8000/healthz', headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0].lstrip('.')}), timeout=4)"]
# Threads wait for the database and for Stripe; a worker process that dies is replaced.
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "16", "--respawn-failed-workers", "innopaas.wsgi:application"]
