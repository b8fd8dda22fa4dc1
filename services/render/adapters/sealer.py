"""PAdES B-B signatures as CMS, with the key loaded once.

Only the digest and the signature differ between two documents, so everything else is a template
of finished DER. There is no signing-time attribute: PAdES takes the time from the PDF.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from asn1crypto import algos, cms, core, pem, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from services.kernel.errors import SettingsFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.render.sealing import SealMaterial

    Sign = Callable[[bytes], bytes]

_DIGEST_BYTES = 32
_UNSET_DIGEST = b"\xa5" * _DIGEST_BYTES  # stands in templates where the digest goes
_LEAST_RSA_BITS = 2048


class CmsSealer:
    """Signs digests with one certificate; RSA repeats exactly, and so does ECDSA here.

    Raises SettingsFault if the key fits neither the certificate nor the profile.
    """

    def __init__(self, material: SealMaterial) -> None:
        self._certificate = _certificates(material.certificate)[0]
        self._chain = _certificates(material.chain)
        self._algorithm, self._sign, longest = _signing(material.key)
        _check_key_fits(material.key, self._certificate)
        self.certificate_sha256 = hashlib.sha256(self._certificate.dump()).hexdigest()
        self._attributes = _attributes(self._certificate)
        self._signed: bytes = self._attributes.dump()
        self._template = cache(self._new_template)
        self.room_bytes = len(self._template(longest)) + longest

    def seal(self, digest: bytes) -> bytes:
        """A detached CMS signature (DER) over a SHA-256 digest."""
        signature = self._sign(self._signed.replace(_UNSET_DIGEST, digest))
        return self._template(len(signature)).replace(_UNSET_DIGEST, digest) + signature

    def _new_template(self, signature_bytes: int) -> bytes:
        """The CMS up to its signature, for signatures of one length."""
        signature = bytes(signature_bytes)
        whole: bytes = self._content_info(signature).dump()
        return whole.removesuffix(signature)

    def _content_info(self, signature: bytes) -> cms.ContentInfo:
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {
                        "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                            {
                                "issuer": self._certificate.issuer,
                                "serial_number": self._certificate.serial_number,
                            }
                        )
                    }
                ),
                "digest_algorithm": _sha256(),
                "signed_attrs": self._attributes,
                "signature_algorithm": cms.SignedDigestAlgorithm({"algorithm": self._algorithm}),
                "signature": signature,
            }
        )
        signed_data = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [_sha256()],
                "encap_content_info": {"content_type": "data"},
                "certificates": [self._certificate, *self._chain],
                "signer_infos": [signer],
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed_data})


def _sha256() -> algos.DigestAlgorithm:
    return algos.DigestAlgorithm({"algorithm": "sha256"})


def _attributes(certificate: asn1_x509.Certificate) -> cms.CMSAttributes:
    reference = tsp.ESSCertIDv2(
        {
            "cert_hash": hashlib.sha256(certificate.dump()).digest(),
            "issuer_serial": {
                "issuer": [asn1_x509.GeneralName({"directory_name": certificate.issuer})],
                "serial_number": certificate.serial_number,
            },
        }
    )
    named = {
        "content_type": "data",
        "message_digest": core.OctetString(_UNSET_DIGEST),
        "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [reference]}),
    }
    return cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": cms.CMSAttributeType(name), "values": (value,)})
            for name, value in named.items()
        ]
    )


def _certificates(text: bytes) -> list[asn1_x509.Certificate]:
    if not pem.detect(text):
        return []
    return [asn1_x509.Certificate.load(der) for _, _, der in pem.unarmor(text, multiple=True)]


def _signing(key_pem: bytes) -> tuple[str, Sign, int]:
    """The algorithm's name, the signing function, and its longest signature in bytes."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS:
        return "sha256_rsa", _rsa_sign(key), key.key_size // 8
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "sha256_ecdsa", _ec_sign(key), _longest_ec_signature(key)
    raise SettingsFault("the seal key must be RSA of at least 2048 bits or an elliptic curve key")


def _rsa_sign(key: rsa.RSAPrivateKey) -> Sign:
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    return lambda data: key.sign(data, scheme, digest)


def _ec_sign(key: ec.EllipticCurvePrivateKey) -> Sign:
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return lambda data: key.sign(data, scheme)


def _longest_ec_signature(key: ec.EllipticCurvePrivateKey) -> int:
    largest = (1 << key.curve.key_size) - 1
    return len(utils.encode_dss_signature(largest, largest))


def _check_key_fits(key_pem: bytes, certificate: asn1_x509.Certificate) -> None:
    key = serialization.load_pem_private_key(key_pem, password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if public != certificate.public_key.dump():
        raise SettingsFault("the seal key does not belong to the seal certificate")
