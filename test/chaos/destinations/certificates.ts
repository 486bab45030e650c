import { certificate as elsewhere } from '../../support/certificate.ts';

/** A key and its certificate, signed by itself. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** For 127.0.0.1, until 2120. Like the others for this machine alone; it protects nothing. */
const good: Certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkX25s74RtjAE15LA
hiWjES1KRcdM249sUYdk4ANEfRahRANCAARdN/BdqO9p6Ng7niXhZANV/JwUFQc8
tswOTorkDbTLjrte5Hm4JYS6f7MVu+hurWwJcsXuoZyIEZWT8Ri6c6aX
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBXDCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABF038F2o72no2Due
JeFkA1X8nBQVBzy2zA5OiuQNtMuOu17kebglhLp/sxW76G6tbAlyxe6hnIgRlZPx
GLpzppejQzBBMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
HQ4EFgQU9BC/nFFU/sDVZKP1cCosFIUSKzYwCgYIKoZIzj0EAwIDSAAwRQIgCvrq
nqdoI+jDFkia1XMF4B4DHDA4OTy1c+WNx6sCMHsCIQD6ten7olD8xopZnw7ovXBR
nkXAT1YWbcrvFToCseY20g==
-----END CERTIFICATE-----`,
};

/** The same, until 2021. */
const expired: Certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFb190SPJ025vP6Eq
Pl3Kld8HWik3rrEO/o9d2Fqu+yWhRANCAAROEXQ6UGnj+/tSz37y8cHSxykzPeoz
7Bu3eEM69eXHYxYCTc6vk5VyniscRDWrRBoXdyh66NwiYcO60OKtEvtl
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBWzCCAQCgAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAkx
MjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAROEXQ6UGnj+/tSz37y
8cHSxykzPeoz7Bu3eEM69eXHYxYCTc6vk5VyniscRDWrRBoXdyh66NwiYcO60OKt
Evtlo0MwQTAPBgNVHREECDAGhwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0O
BBYEFND9Moa6Ig0Xco3NkFVg6wrSiZs2MAoGCCqGSM49BAMCA0kAMEYCIQCE2D9w
ShIZiqFP6vTK5TzG7Obxxdi61LJ0oqPq0cQA3AIhALCr4METerTXYd8JP02MY2OD
7wc6Ep0S3lN8/RxAqArY
-----END CERTIFICATE-----`,
};

/** The same as `good`, and not among those that the gateway is told to trust. */
const stranger: Certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgby/MWW3hNmyXn4Rd
eNMVrTzV7Fu7l6CeG27e58TyqBChRANCAASslPJjGRHC8r17LvM1FgvY9RTTqW3F
tP+OdWccSvWvU7FitoQsB56xi5dh3bGaxfegJG/uKy/O3vWPXRIg+vvP
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBXDCCAQKgAwIBAgIBAzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKyU8mMZEcLyvXsu
8zUWC9j1FNOpbcW0/451ZxxK9a9TsWK2hCwHnrGLl2HdsZrF96Akb+4rL87e9Y9d
EiD6+8+jQzBBMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
HQ4EFgQUxNHiOlL/lyUr5juaHSxEuyXU/UUwCgYIKoZIzj0EAwIDSAAwRQIhALGp
tBnPidM2Crmn5e5n+J80emMSx0b62kesixNRERwmAiBkWU+NnMJz05ukrsWHhe80
ey9x7XH0mXxhdNH+XJxO6Q==
-----END CERTIFICATE-----`,
};

export const certificates = { good, expired, stranger, elsewhere };

/** For NODE_EXTRA_CA_CERTS: with these, what is wrong with a certificate is its time or its name and nothing else. */
export const trusted: string = [good, expired, elsewhere].map(({ cert }) => cert).join('\n');
