# syntax=docker/dockerfile:1
# check=skip=SecretsUsedInArgOrEnv
FROM python:3.13-slim AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN <<EOF
apt-get update
apt-get install --yes --no-install-recommends gcc libpq-dev
rm -rf /var/lib/apt/lists/*
EOF
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip,sharing=locked pip install -r /tmp/requirements.txt

FROM python:3.13-slim
COPY <<-'EOF' /etc/app/gunicorn.conf.py
	bind = "0.0.0.0:8000"
	workers = int(os.environ.get("WORKERS", "2"))
EOF
COPY --from=build /opt/venv /opt/venv
COPY --chown=1000:1000 --exclude=**/__pycache__ --exclude=**/tests src/ /app/
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app
WORKDIR /app
RUN <<check
#!/usr/bin/env python3
import importlib
importlib.import_module("app")
check
USER 1000
VOLUME ["/data", "/var/log/app"]
ENTRYPOINT ["gunicorn", "--config", "/etc/app/gunicorn.conf.py"]
CMD ["app:create()"]
