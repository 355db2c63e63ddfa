"""WhatsApp through Twilio as its tutorials write it: FastAPI, twilio's RequestValidator and TwiML,
and an SQLModel session that commits (FULL) before the answer."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, create_engine
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from bot.channels.base import MAX_BODY
from tests.benchmarks.peers import form
from tests.benchmarks.peers.edge import AUTH_TOKEN, HOME, PUBLIC_URL, serve

USED = ("From", "Body")


class Talk(SQLModel, table=True):
    """Where one number stands."""

    person: str = Field(primary_key=True)
    stage: int = form.START
    answers: str = "{}"


class Registration(SQLModel, table=True):
    """What was saved."""

    __tablename__ = "registrations"

    id: int | None = Field(default=None, primary_key=True)
    person: str
    answers: str


engine = create_engine(f"sqlite:///{HOME / 'peer.sqlite3'}")


@event.listens_for(engine, "connect")
def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


SQLModel.metadata.create_all(engine)
validator = RequestValidator(AUTH_TOKEN)
app = FastAPI()


@app.post("/whatsapp")
async def said(request: Request) -> Response:
    if int(request.headers.get("content-length", MAX_BODY + 1)) > MAX_BODY:
        return Response(status_code=413)
    fields = {name: str(value) for name, value in (await request.form()).items()}
    signature = request.headers.get("x-twilio-signature", "")
    if not validator.validate(f"{PUBLIC_URL}/whatsapp", fields, signature):
        return Response(status_code=403)
    response = MessagingResponse()
    response.message(_kept(*(fields.get(name, "") for name in USED)))
    return Response(str(response), media_type="text/xml")


def _kept(person: str, text: str) -> str:
    """Step the talk and keep it; what is said."""
    # In the loop and not in a thread: threads would only wait for SQLite's one writer.
    with Session(engine) as session:
        talk = session.get(Talk, person) or Talk(person=person)
        turn = form.step(talk.stage, json.loads(talk.answers), text)
        if turn.save:
            session.add(Registration(person=person, answers=json.dumps(turn.answers)))
        talk.stage = turn.stage
        talk.answers = json.dumps({} if turn.save else turn.answers)
        session.add(talk)
        session.commit()
    return turn.words


if __name__ == "__main__":
    serve(app)
