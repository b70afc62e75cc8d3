# The server of saved models, see docs/serving.md. Models are mounted, not copied.
FROM python:3.13-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY run.py .
COPY common common
COPY tasks tasks
RUN python -m compileall -q . && useradd --no-create-home --uid 10001 server
USER 10001
EXPOSE 8501
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz')"]
ENTRYPOINT ["python", "run.py", "serve", "--host", "0.0.0.0"]
