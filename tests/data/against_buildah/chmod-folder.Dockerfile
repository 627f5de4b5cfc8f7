FROM scratch
COPY --chmod=750 dir /x
