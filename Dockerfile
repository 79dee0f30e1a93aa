# The image of kuberay.yaml, which also runs fpn on one machine. Built from a checkout:
#   docker build -t faceposenet:gpu .                              GPUs and CPUs; CUDA 13 and cuDNN 9 as wheels
#   docker build -t faceposenet:cpu --build-arg FLAVOUR=cpu .      CPUs alone, a third of the size
#   docker run --rm -v "$PWD:/data" faceposenet:cpu fpn run faces.csv out
#   docker run --rm --gpus all -v "$PWD:/data" faceposenet:gpu fpn run faces.csv out
# The machine's driver must be R580 or newer for the GPUs; docs/cookbook.md has the way with an older one (CUDA 12).

ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print('\n'.join(p['dependencies'] + p['optional-dependencies']['cluster']))" > /wheels/requirements.txt

# Layers from the one that changes least to the one that changes with every commit.
FROM python:${PYTHON}-slim-bookworm
ARG FLAVOUR=gpu
# KubeRay's probes call wget.
RUN apt-get update \
    && apt-get install -y --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 ray \
    && mkdir /data && chown ray /data
COPY constraints.txt /opt/constraints.txt
RUN if [ "$FLAVOUR" = gpu ]; then \
      pip install --no-cache-dir --constraint /opt/constraints.txt 'onnxruntime-gpu[cuda,cudnn]'; \
    else \
      pip install --no-cache-dir 'onnxruntime==1.31.*'; \
    fi
COPY --from=build /wheels/requirements.txt /opt/requirements.txt
# onnxruntime is there already: the two packages of that name must never meet.
RUN grep -v '^onnxruntime' /opt/requirements.txt > /opt/others.txt \
    && pip install --no-cache-dir --constraint /opt/constraints.txt --requirement /opt/others.txt
COPY --from=build /wheels/*.whl /opt/
RUN pip install --no-cache-dir --no-deps /opt/*.whl && rm /opt/*.whl
USER ray
WORKDIR /data
CMD ["fpn", "--help"]
