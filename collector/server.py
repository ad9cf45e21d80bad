"""The gRPC listener: its address, its certificates, and what is served on it besides health and reflection."""

from __future__ import annotations

from typing import Annotated

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from msgspec import Meta, Struct

from fabricscope import log
from fabricscope.http import listening_socket
from fabricscope.settings import SettingsError
from fabricscope.tls import CredentialFiles, TlsSettings, require_protection, split_address
from fabricscope.v1 import stream_pb2, stream_pb2_grpc

SERVICE = stream_pb2.DESCRIPTOR.services_by_name["CollectorService"].full_name


class GrpcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where probes connect, and how they prove who they are."""

    listen: Annotated[
        str, Meta(description="HOST:PORT to listen on; `:7450` is every address, which needs tls or plaintext.")
    ] = "127.0.0.1:7450"
    tls: Annotated[
        TlsSettings | None,
        Meta(description="Certificate and key of this collector; ca_file signs the probes' certificates."),
    ] = None
    plaintext: Annotated[
        bool,
        Meta(description="Listen beyond loopback without TLS: anyone who reaches the port may claim to be any host."),
    ] = False
    ack_messages: Annotated[
        int, Meta(ge=1, le=1024, description="Samples are acknowledged after this many messages; events when durable.")
    ] = 8
    ack_seconds: Annotated[
        float, Meta(gt=0, le=10, description="Samples are acknowledged after this time, in seconds, at the latest.")
    ] = 2.0
    max_message_bytes: Annotated[int, Meta(ge=4 << 20, le=64 << 20, description="Largest message taken, in bytes.")] = (
        16 << 20
    )
    max_streams: Annotated[int, Meta(ge=1, le=1_000_000, description="Streams open at once; more are refused.")] = (
        20_000
    )

    def __post_init__(self) -> None:
        """Plain text beyond loopback must be asked for."""
        try:
            require_protection(self.listen, self.tls, self.plaintext, "listen")
        except SettingsError as error:
            raise ValueError(str(error)) from error


class GrpcServer:
    """The listener with the service, health and reflection on it."""

    def __init__(self, settings: GrpcSettings, service: stream_pb2_grpc.CollectorServiceServicer) -> None:
        self._settings = settings
        self._service = service
        self._credentials = None if settings.tls is None else CredentialFiles(settings.tls)
        self._log = log.get("server")
        self.port = 0

    async def __aenter__(self) -> GrpcServer:
        """Listen. Raises SettingsError naming the address when that cannot be."""
        options = [
            ("grpc.max_receive_message_length", self._settings.max_message_bytes),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
            # Two collectors on one port would each see half of the probes.
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(options=options)
        stream_pb2_grpc.add_CollectorServiceServicer_to_server(self._service, self._server)  # type: ignore[no-untyped-call]
        self._health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        host, port = split_address(self._settings.listen, "collector.grpc.listen")
        # gRPC says why it cannot listen in a line of its own on standard error, and to nobody else.
        listening_socket(host, port, "collector.grpc.listen").close()
        address = f"[{host or '::'}]:{port}" if ":" in host or not host else f"{host}:{port}"
        try:
            if self._credentials is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, self._secure(self._credentials))
        except RuntimeError as error:
            raise SettingsError(
                f"collector.grpc.listen: cannot listen on {self._settings.listen!r}: {error}; choose another address"
            ) from error
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace=1.0)

    def _secure(self, files: CredentialFiles) -> grpc.ServerCredentials:
        def configuration() -> grpc.ServerCertificateConfiguration:
            # Called by gRPC for every handshake: a renewed certificate is used from the next one on.
            try:
                files.refresh()
            except SettingsError as error:
                self._log.error("certificate files are unusable, the old ones stay in use", reason=str(error))
            current = files.current
            return grpc.ssl_server_certificate_configuration([(current.key, current.chain)], current.roots)

        return grpc.dynamic_ssl_server_credentials(configuration(), configuration, require_client_authentication=True)
