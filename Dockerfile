# The image of the CPU: docker build -t lenet .   then: docker run lenet [horovodrun -np 2] python train.py [OPTIONS]
# That of GPUs: docker build --target gpu -t lenet:0.1.0-gpu .   then: docker run --gpus all lenet:0.1.0-gpu …

# What runs: Python, Open MPI, ssh for an MPIJob, the data set, and the user. No compiler.
FROM debian:bookworm-slim AS base
# Debian's packages are not pinned: bookworm stays what it is but for security fixes, and those are wanted.
# Installing the ssh server makes host keys; they go in the same layer.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      dataset-fashion-mnist libgomp1 libquadmath0 openmpi-bin openssh-client openssh-server python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log /etc/ssh/ssh_host_* \
 && useradd --uid 10001 --user-group --create-home --shell /bin/sh lenet \
 && install -d -o lenet -g lenet /home/lenet/.ssh /opt/lenet/runs
# An MPIJob mounts a key pair of its own on .ssh; it is user key and host key in one.
RUN printf '%s\n' 'Port 2222' 'HostKey /home/lenet/.ssh/id_rsa' 'PidFile none' 'StrictModes no' 'UsePAM no' \
      'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'AllowUsers lenet' >/home/lenet/.sshd_config \
 && printf '%s\n' 'Port 2222' 'StrictHostKeyChecking no' 'UserKnownHostsFile /dev/null' 'LogLevel ERROR' \
      >/etc/ssh/ssh_config.d/lenet.conf
WORKDIR /opt/lenet
# HOME is for what caches: /tmp can be written where the rest cannot. ssh goes by the user's home in /etc/passwd.
# Containers lack what Open MPI's copying between processes needs; without its line it complains and goes on.
ENV PATH=/opt/lenet/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    OMPI_MCA_btl_vader_single_copy_mechanism=none

# What is built: .venv with the pinned requirements, Horovod and LeNet-5, as on any other machine. The cache keeps Horovod's wheel
# for the next build. With --no-reports the image would have 835 MB instead of 1,020, but no pictures, reports or exports.
FROM base AS builder
COPY requirements/cpu.txt requirements/reports.txt requirements/
COPY launch/setup.sh launch/
COPY lenet/native lenet/native/
RUN --mount=type=cache,target=/tmp/.cache launch/setup.sh

# The same for GPUs: MXNet for CUDA 11 with its libraries, and Horovod with NCCL. Debian's CUDA compiler is not free.
FROM base AS gpu-builder
# hadolint ignore=DL3008
RUN find /etc/apt/sources.list* -type f -exec sed -i 's/ main$/ main contrib non-free/' {} + \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nvidia-cuda-toolkit \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
COPY requirements/gpu.txt requirements/reports.txt requirements/
COPY launch/setup.sh launch/
COPY lenet/native lenet/native/
# Nothing links to libcusolverMg, 142 MB.
RUN --mount=type=cache,target=/tmp/.cache launch/setup.sh --gpu \
 && rm .venv/lib/python3*/site-packages/*/libcusolverMg.* .venv/lib/python3*/site-packages/nvidia/*/lib/libcusolverMg.*

# The driver's libcuda.so.1 is the host's: the container's engine mounts what is asked for here.
FROM base AS gpu
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-builder /opt/lenet/.venv .venv
COPY distributed distributed/
COPY lenet lenet/
COPY train.py ./
COPY launch/container.sh launch/
USER 10001:10001
ENTRYPOINT ["tini", "--", "/opt/lenet/launch/container.sh"]
CMD ["python", "train.py"]

FROM base AS cpu
COPY --from=builder /opt/lenet/.venv .venv
COPY distributed distributed/
COPY lenet lenet/
COPY train.py ./
COPY launch/container.sh launch/
USER 10001:10001
# As the first process, tini hands on signals and takes in orphans. The script has mpirun and horovodrun wait for ranks.
ENTRYPOINT ["tini", "--", "/opt/lenet/launch/container.sh"]
CMD ["python", "train.py"]
