"""The main door: Socket.IO."""

from chatserver.core.caller import Session
from chatserver.core.errors import ChatError
from chatserver.doors.connection import Door, Line, Reception
from chatserver.doors.socketio.engine import Engine


class SocketIODoor(Door):
    """Brings clients that speak Socket.IO to the reception."""

    tells_about = False

    def __init__(self, engine: Engine, reception: Reception) -> None:
        self._engine = engine
        self._reception = reception
        engine.listener = self
        engine.asking = reception.asking
        engine.eio.on_arrival = reception.confirm

    async def connect(self, sid: str, eio_sid: str, auth: object) -> None:
        """Answer a client that sent CONNECT."""
        if socket := self._engine.socket(eio_sid):
            await self._reception.connect(self, socket, sid, auth)

    async def accept(self, line: Line, session: Session, pid: str | None) -> None:
        """See `Door`."""
        await self._engine.accept(session.connection_id, line.sid, {"pid": pid} if pid else {})

    def refuse(self, line: Line, connection_id: str, error: ChatError) -> None:
        """See `Door`."""
        body = {"message": error.message, "data": error.to_wire()}
        self._engine.refuse(connection_id, line.sid, body)

    def disconnect(self, sid: str) -> None:
        """Forget a client that is gone."""
        self._reception.disconnect(sid)
