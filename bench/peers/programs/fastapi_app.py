"""What the FastAPI documentation suggests for work in the background: hand it to Celery."""

import celery_app
import fastapi
import pydantic

app = fastapi.FastAPI()


class Job(pydantic.BaseModel):
    payload: str


@app.post("/jobs", status_code=202)
def submit(job: Job):  # not async: delay() blocks, so FastAPI runs it in its threads
    return {"id": celery_app.echo.delay(job.payload).id}


@app.get("/ready")
def ready():
    return {}
